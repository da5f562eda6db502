"""Targets behind HTTP, by configuration: a TOML file says how a message is sent and where the answer is.

======== =========================================================================================
module   what it is about
======== =========================================================================================
model    what such a file can say; `schema` publishes it as JSON Schema
load     file, preset and environment into one checked description; `problems` says what is wrong
template text with `{message}`, `{thread}` and the like in it, and what becomes of missing ids
path     where in a JSON document something is: `choices.0.message.content`
events   server-sent events
request  a description compiled once, filled in for every call
exchange one request and its answer, read no further than a limit and never misunderstood
wording  what is said of answers that are none
backend  the target as the driver sees it: one connection pool, minted ids, logins
target   what a file describes, before it is entered
======== =========================================================================================
"""
