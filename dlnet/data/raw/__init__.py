"""Raw time series of cyclers become cycles with their capacity and the features of their charge."""

from dlnet.data.raw.convert import Converted, convert, raw_files
from dlnet.data.raw.formats import VENDORS, RawFormat, recognise

__all__ = ["VENDORS", "Converted", "RawFormat", "convert", "raw_files", "recognise"]
