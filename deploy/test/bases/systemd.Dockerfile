# The program, its unit, and systemd's tools to judge it with.
ARG OPENMAKE_IMAGE
FROM ${OPENMAKE_IMAGE}
USER 0
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends systemd \
 && rm -rf /var/lib/apt/lists/*
COPY openmake.service /etc/systemd/system/openmake.service
