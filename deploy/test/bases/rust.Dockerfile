# As docker.io/library/rust:…-slim-bookworm, of the toolchain of this machine.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY toolchain /usr/local
COPY leads /etc/leads
ENV CARGO_HOME=/usr/local/cargo \
    SSL_CERT_FILE=/etc/leads/ca-certificates.crt \
    CARGO_HTTP_CAINFO=/etc/leads/ca-certificates.crt
RUN mkdir -p "$CARGO_HOME" \
 && { [ ! -f /etc/leads/cargo.toml ] || cp /etc/leads/cargo.toml "$CARGO_HOME/config.toml"; }
