# Chronos as an image: Node, two bundled files, what starts the server from code that is compiled already, and that
# code; no shell, no package manager, no sources.
#   docker build -t chronos .          (or: npm run image, which builds it, looks into it and fires at it)
# A tag can be moved to another image. For a build that is the same every time, name the one you have looked at by its
# digest (docs/deploy.md, "The base image"): --build-arg BASE=docker.io/library/node:26-slim@sha256:…
ARG BASE=docker.io/library/node:26-slim
FROM ${BASE} AS build
WORKDIR /build

# `npm ci` refuses a lockfile without the packages of other platforms (a registry that mirrors one platform leads to
# such a one); `npm install` keeps to its versions and checksums, and versions.ts refuses a lockfile that is out of
# date. No install scripts: nothing that a build needs has one.
COPY package.json package-lock.json ./
COPY dev/check/versions.ts dev/check/
RUN node dev/check/versions.ts && npm install --no-save --ignore-scripts --no-audit --no-fund

COPY src src
COPY routes routes
COPY db db
COPY handlers handlers
# what compiles the page reads the settings of TypeScript
COPY tsconfig.json .
COPY web web
COPY cli cli
COPY dev/build dev/build
COPY dev/image/bake.mjs dev/image/boot.cjs dev/image/
RUN node dev/build/main.ts && mkdir -p /app/cache && cp -r dist/server.js dist/migrate.js dist/sbom.cdx.json dist/web /app/ && cp dev/image/boot.cjs /app/boot.js && chown 1000:1000 /app/cache

# V8's compiled code, by this Node, for these files at this path, by the user who will run them: any other is not
# taken (the name of the folder has the version, the flags and the user id in it). bake.mjs fires once, so that
# what a fire needs is compiled too.
ENV NODE_ENV=production NODE_OPTIONS="--max-old-space-size=112 --max-semi-space-size=2"
USER 1000:1000
RUN node --no-concurrent-recompilation dev/image/bake.mjs /app/cache /app/boot.js /app/migrate.js
USER 0:0

# What Node is linked to, and nothing else of the system. It brings its own certificates and time zones. Its file may be
# executed but not read: Linux then keeps the service's memory and environment from other processes of its user, such as
# programs that a job starts (docs/security.md, "Programs").
RUN mkdir -p /image/etc /image/tmp /image/usr/local/bin \
 && chown -R 0:0 /app/cache && chmod -R a=rX /app && chmod 1777 /image/tmp \
 && cp /usr/local/bin/node /image/usr/local/bin/ \
 && ldd /usr/local/bin/node | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} /image \
 && grep -E '^(root|node):' /etc/passwd >/image/etc/passwd && grep -E '^(root|node):' /etc/group >/image/etc/group \
 && echo 'hosts: files dns' >/image/etc/nsswitch.conf \
 && cp -r /app /image/ \
 && chmod 711 /image/usr/local/bin/node

# For jobs that start programs: the same service on top of Debian, with a shell and PostgreSQL's clients (pg_dump, psql).
#   docker build --target commands -t chronos .          (Fly: build-target in fly.toml; docs/deploy.md, "Commands")
# pg_dump reads servers of its own version and older. Another one: --build-arg POSTGRES_CLIENT=postgresql-client-18, from
# the packages of postgresql.org.
FROM ${BASE} AS commands
ARG POSTGRES_CLIENT=postgresql-client
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl util-linux postgresql-common postgresql-client \
 && case "$POSTGRES_CLIENT" in *-client) ;; *) \
      /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && apt-get install -y --no-install-recommends "$POSTGRES_CLIENT" ;; esac \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /app
COPY dev/image/bake.mjs /tmp/
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/cache MALLOC_ARENA_MAX=2 NODE_OPTIONS="--max-old-space-size=112 --max-semi-space-size=2" PORT=8080
WORKDIR /app
# As root, which the compile cache is for as well: the service starts each program as a user of its own.
RUN node --no-concurrent-recompilation /tmp/bake.mjs /app/cache /app/boot.js /app/migrate.js && rm /tmp/bake.mjs
ENV COMMANDS=on COMMAND_UID=20000-20019
EXPOSE 8080
CMD ["/usr/local/bin/node", "--no-concurrent-recompilation", "/app/boot.js"]

FROM scratch
COPY --from=build /image /
# For 256 MB, of which a Fly machine sees about 215: 112 for V8's old objects and 3 x 2 for its young ones; the rest is
# Node itself (60 MB), buffers and sockets. V8's own default would let the kernel end the process first, and without
# the second number 112 means 208. A machine of 512 MB: "--max-old-space-size=320 --max-semi-space-size=16". The
# compile cache fits any of them. With two arenas of malloc in place of one for each thread it is 1.6 MB less.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/cache MALLOC_ARENA_MAX=2 NODE_OPTIONS="--max-old-space-size=112 --max-semi-space-size=2" PORT=8080
USER 1000:1000
WORKDIR /app
EXPOSE 8080
# V8 compiles hot code on the main thread: its compiling threads would keep 15 MB each time round (docs/benchmarks.md),
# and there is one shared processor for all of them. Not allowed in NODE_OPTIONS.
# No init in between: Node handles SIGINT and SIGTERM itself and has no children.
CMD ["/usr/local/bin/node", "--no-concurrent-recompilation", "/app/boot.js"]
