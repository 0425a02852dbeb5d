# Build: npm brings Bun itself, which compiles everything into one binary.
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm install --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npm run build

# Run: the binary and glibc of the same Debian, nothing else.
FROM debian:bookworm-slim
RUN groupadd --gid 10001 parley \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin parley \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data \
 && install --directory /etc/parley
COPY --from=build /build/dist/parley /usr/local/bin/parley

# Other machines reach this address, so Parley wants an authentication: set PARLEY_JWT_SECRET.
ENV PARLEY_HOST=0.0.0.0 \
    PARLEY_DATA_DIR=/data
# A parley.toml mounted here is read. Change the port with PARLEY_PORT, which HEALTHCHECK sees too.
WORKDIR /etc/parley
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=15s --retries=3 \
    CMD ["/usr/local/bin/parley", "health"]
ENTRYPOINT ["/usr/local/bin/parley"]
CMD ["serve"]
