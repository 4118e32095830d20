# PostgreSQL from Debian, for machines without access to an image registry; else compose.yaml uses the official image.
ARG BASE
FROM ${BASE}
# The package must not create a cluster: it would be in the image, with the same keys everywhere.
RUN mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf \
 && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt \
 && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data && install -d /docker-entrypoint-initdb.d \
 && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/
COPY postgres.sh /usr/local/bin/entrypoint
USER postgres
# Fast shutdown: connections are closed, no data are lost.
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
