"""What a folder of a user's files holds: ``look`` proposes the settings that read it; nothing is written."""

from dlnet.importing.look import look
from dlnet.importing.proposal import Choices, Proposal, Section, Settings

__all__ = ["Choices", "Proposal", "Section", "Settings", "look"]
