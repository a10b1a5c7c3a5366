# The base is pinned by its digest, here twice and in metadata.yaml; a test compares them.
FROM docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6 AS builder

# hadolint ignore=DL3002
USER 0
ENV PIP_NO_CACHE_DIR=1
WORKDIR /airbyte/integration_code
COPY poetry.lock pyproject.toml ./
COPY tools/install.py tools/install.py
# The locked versions by their hashes, into an environment that holds no pip.
RUN python tools/install.py --venv /airbyte/venv --group main \
    && find /airbyte/venv/lib -type d -name tests -prune -exec rm -r {} +
COPY main.py ./
COPY source_asana source_asana
COPY source_asana_commands source_asana_commands
# Compiled code does not look at its sources, whose times copying changes; -f replaces what was compiled
# in passing and does.
RUN python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /airbyte/venv/lib source_asana source_asana_commands main.py \
    && rm -r tools poetry.lock pyproject.toml

FROM docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

COPY --from=builder /airbyte/venv /airbyte/venv
COPY --from=builder /airbyte/integration_code /airbyte/integration_code
WORKDIR /airbyte/integration_code
# With a read-only root file system /dev/shm is the folder for small temporary files; where it cannot
# be written to, Python takes /tmp.
ENV PATH=/airbyte/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/dev/shm \
    AIRBYTE_ENTRYPOINT="python /airbyte/integration_code/main.py"
USER 1000:1000
ENTRYPOINT ["python", "/airbyte/integration_code/main.py"]
LABEL io.airbyte.name=source-asana \
      io.airbyte.version=0.9.0 \
      org.opencontainers.image.title=source-asana \
      org.opencontainers.image.description="Airbyte source for Asana" \
      org.opencontainers.image.version=0.9.0 \
      org.opencontainers.image.licenses=MIT
