# The scripted model server, for the fifth container: built beside the program, of the same dependencies.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS program
ARG CARGO_PROFILE=release
ARG CARGO_JOBS=default
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=openmake-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=openmake-target,target=/src/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
 && cargo build --locked --profile "${CARGO_PROFILE}" --jobs "${CARGO_JOBS}" --package testkit --bin scripted-model \
 && install -D "target/${CARGO_PROFILE}/scripted-model" /out/scripted-model

FROM ${DEBIAN_IMAGE}
COPY --from=program /out/scripted-model /usr/local/bin/scripted-model
USER 10002:10002
# It has no handler for signals, and as process 1 it gets none that it has no handler for.
STOPSIGNAL SIGKILL
ENTRYPOINT ["scripted-model", "--host", "0.0.0.0", "--port", "8080"]
