# As docker.io/library/python:…-slim-bookworm, of Debian's Python.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/bin/python3 /usr/local/bin/python
COPY leads /etc/leads
ENV PIP_CERT=/etc/leads/ca-certificates.crt PIP_BREAK_SYSTEM_PACKAGES=1
RUN { [ ! -f /etc/leads/pip.conf ] || cp /etc/leads/pip.conf /etc/pip.conf; }
