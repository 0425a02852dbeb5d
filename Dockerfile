# Build: npm brings Bun itself, which compiles everything into one binary.
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
COPY scripts ./scripts
RUN npm run build && npm run sbom

# Run: the binary and glibc of the same Debian, nothing else.
FROM debian:bookworm-slim
RUN groupadd --gid 10001 parley \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin parley \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data /data/attachments \
 && install --directory /etc/parley
COPY --from=build /build/dist/parley /usr/local/bin/parley
COPY --from=build /build/dist/parley.cdx.json /usr/share/doc/parley/parley.cdx.json

# Other machines reach this address, so Parley wants an authentication: set PARLEY_JWT_SECRET_FILE to a
# mounted secret. No secret belongs in a layer or in ENV here.
ENV PARLEY_HOST=0.0.0.0 \
    PARLEY_DATA_DIR=/data
# A parley.toml mounted here is read. Change the port with PARLEY_PORT, which HEALTHCHECK sees too; it
# asks over TLS where PARLEY_TLS_CERT_FILE is set.
# Nothing but /data is written: run it with --read-only, --cap-drop=ALL and
# --security-opt=no-new-privileges, see docs/examples/compose.yaml.
WORKDIR /etc/parley
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=15s --retries=3 \
    CMD ["/usr/local/bin/parley", "health"]
ENTRYPOINT ["/usr/local/bin/parley"]
CMD ["serve"]
