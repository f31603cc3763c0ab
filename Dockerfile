# The bot's image. Build it with `oc start-build build-watcher --from-repo=.`, or podman build -t build-watcher .
# For a build that gives the same image again, name the bases by digest: --build-arg BUILD_BASE=…@sha256:… (docs/deploy.md says how).
ARG BUILD_BASE=registry.access.redhat.com/ubi9/nodejs-24:latest
ARG RUN_BASE=registry.access.redhat.com/ubi9/nodejs-24-minimal:latest

FROM ${BUILD_BASE} AS build
WORKDIR /opt/app-root/src
COPY --chown=1001:0 package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY --chown=1001:0 tsconfig.json tsconfig.build.json ./
COPY --chown=1001:0 src ./src
# What only a debugger or a compiler reads is left out of the image: it is half of the dependencies.
RUN npm run build && \
    npm ci --ignore-scripts --omit=dev --no-audit --no-fund && \
    find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \) -delete

FROM ${RUN_BASE}
ARG RUN_BASE
LABEL org.opencontainers.image.title="build-watcher" \
      org.opencontainers.image.description="Watches OpenShift builds and submits every image they make to an analysis service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.base.name="${RUN_BASE}"
USER 0
RUN microdnf install -y --nodocs --setopt=install_weak_deps=0 skopeo && \
    microdnf clean all && \
    ln -s /opt/app-root/src/bin/build-watcher.js /usr/local/bin/build-watcher
COPY LICENSE /licenses/LICENSE
WORKDIR /opt/app-root/src
COPY package.json ./
COPY bin ./bin
COPY --from=build /opt/app-root/src/node_modules ./node_modules
COPY --from=build /opt/app-root/src/dist ./dist
# main.ts says what the last three are for.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=2 MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536
USER 1001
# Fails here, not in the cluster, when the image's Node.js or its SQLite is too old for the ledger, or when a file of the page is missing.
RUN BUILD_WATCHER_STATE_DIR=/tmp/smoke-test bin/build-watcher.js jobs && rm -r /tmp/smoke-test && \
    node -e 'import("./dist/server/routes/assets.js").then(({ assetRoutes }) => void assetRoutes())'
CMD ["node", "dist/main.js"]
