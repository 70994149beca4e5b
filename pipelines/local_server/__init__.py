"""A server that speaks the Amazon Pinpoint endpoint API, for one machine: SQLite behind HTTP.

`endpoint-import` uses it as its default destination, and tests use it as the service. What it
does where the service's own behaviour is not known is listed in docs/local-server.md.

`process` starts and stops it; `app` wires `routes` (raw paths), `signature` and `store` together;
`rules` reads request bodies, `merge` and `upsert` apply them. `rehearsal` makes trouble on purpose.
"""
