# As docker.io/library/node:…-bookworm-slim, of the Node of this machine.
ARG DEBIAN
FROM ${DEBIAN}
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY leads /etc/leads
ENV NODE_EXTRA_CA_CERTS=/etc/leads/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && { [ ! -f /etc/leads/npmrc ] || cp /etc/leads/npmrc /usr/local/lib/node_modules/npm/npmrc; } \
 && node --version && npm --version
