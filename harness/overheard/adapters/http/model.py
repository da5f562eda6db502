"""What a target file can say.

The JSON Schema is generated from these records, and files are checked against that schema, so the two
cannot drift. No key is required by itself: a file may leave to a preset what it does not say. What the two
together lack is said by `load`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scalar: TypeAlias = str | int | bool
Templates: TypeAlias = dict[str, str]
Conditions: TypeAlias = dict[str, Scalar]
Status: TypeAlias = Annotated[int, Meta(ge=400, le=499)]
Text: TypeAlias = Annotated[str, Meta(min_length=1)]
BeyondName: TypeAlias = Literal[
    "list_threads", "read_messages", "read_message", "search", "create_thread", "clone_thread",
    "update_thread", "transfer_thread", "delete_message", "delete_thread", "delete_resource",
]  # fmt: skip
Slashed: TypeAlias = Annotated[str, Meta(pattern="^/")]

REFUSED: Final = (400, 401, 403, 404, 410, 422)
"""Status codes that mean "no" unless a file says otherwise. Not 409: a thread that is busy is no refusal."""

NEVER_REFUSED: Final = (408, 425, 429)
"""Status codes that say "not now". They prove nothing about whose thread it is."""

TRANSPORT: Final = (
    "connection", "content-length", "content-type", "date", "keep-alive", "server", "set-cookie",
    "transfer-encoding",
)  # fmt: skip
"""Response headers that carry the answer and say nothing; and cookies, which are credentials: what an error
says is recorded, and those must not be."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request. Its texts are templates: `{message}`, `{thread}`, `{resource}`, …"""

    method: Annotated[Method, Meta(description="HTTP method.")] = "POST"
    path: Annotated[
        str,
        Meta(
            pattern="^(/.*)?$",
            description="Path below `url`, with a leading slash. What is filled in is quoted completely.",
        ),
    ] = ""
    query: Annotated[Templates, Meta(description="Query parameters.")] = msgspec.field(default_factory=dict)
    headers: Annotated[Templates, Meta(description="Headers, besides those of the table `headers`.")] = (
        msgspec.field(default_factory=dict)
    )
    json: Annotated[
        dict[str, Any] | UnsetType,
        Meta(
            description="Body, sent as JSON. A key whose whole value is a missing id is left out if the id "
            "is not passed at all, and `null` if it is None."
        ),
    ] = UNSET
    form: Annotated[Templates | UnsetType, Meta(description="Body, sent as a form.")] = UNSET
    text: Annotated[str | UnsetType, Meta(description="Body, sent as it is.")] = UNSET


class Events(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read an answer that comes as server-sent events."""

    when: Annotated[
        Conditions,
        Meta(description="Which events carry text: path in their JSON data = value. Empty: all of them."),
    ] = msgspec.field(default_factory=dict)
    name: Annotated[
        str | UnsetType, Meta(description="Which events carry text: what their `event:` field says.")
    ] = UNSET
    text: Annotated[
        Text | UnsetType,
        Meta(description="Path of the text in their JSON data. Without it: the data itself."),
    ] = UNSET
    done: Annotated[
        Text | UnsetType,
        Meta(description="Data of the event that ends the answer, such as [DONE]. A stream that stops before "
             "it was cut off."),
    ] = UNSET  # fmt: skip
    done_when: Annotated[
        Conditions, Meta(description="The event that ends the answer: path in its JSON data = value.")
    ] = msgspec.field(default_factory=dict)
    failed: Annotated[
        Conditions, Meta(description="The event that says that it went wrong: path in its JSON data = value.")
    ] = msgspec.field(default_factory=dict)


class Surface(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that sends a message, and where in the response the answer is."""

    answer: Annotated[
        Text | UnsetType, Meta(description="Path of the answer in the JSON body. Without it: the whole body.")
    ] = UNSET
    error: Annotated[
        Text | UnsetType,
        Meta(description="Path in the JSON body where a failure is told although the status says success."),
    ] = UNSET
    ids: Annotated[
        Templates,
        Meta(description="Ids that the server mints: name = path in the JSON body (or in an event's data). "
             "Later requests in the same thread write them as {minted.name}."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    events: Annotated[
        Events | UnsetType, Meta(description="The answer comes as server-sent events.")
    ] = UNSET  # fmt: skip


class Beyond(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that shows or changes what is stored, besides sending."""

    answer: Annotated[
        Text | UnsetType,
        Meta(description="Path of what is shown in the JSON body. Without it: the whole body."),
    ] = UNSET
    error: Annotated[
        Text | UnsetType,
        Meta(description="Path in the JSON body where a failure is told although the status says success."),
    ] = UNSET
    ids: Annotated[
        Templates,
        Meta(description="Where the id of a thread is that this creates or clones, where the server chooses "
             "it: thread = path in the JSON body."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip


class Mint(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that makes a thread whose id the server chooses. It is made before the first message to
    each thread, by whoever sends that; everybody who presents the thread presents what it answered."""  # noqa: D209

    ids: Annotated[
        Templates,
        Meta(description="Name = path in the JSON body. Requests write them as {minted.name}."),
    ] = msgspec.field(default_factory=dict)


class Login(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that a caller makes once, before its first message, to be given credentials."""

    credentials: Annotated[
        Text | UnsetType, Meta(description="Path of the credentials in the JSON body.")
    ] = UNSET  # fmt: skip


class Refusals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answers mean that the target said no."""

    status: Annotated[
        list[Status],
        Meta(description="Status codes. 408, 425 and 429 are none: they say `not now`, and 5xx nothing."),
    ] = msgspec.field(default_factory=lambda: list(REFUSED))
    when: Annotated[
        list[Conditions],
        Meta(description="JSON bodies, whatever the status: path = value; all of one table must hold."),
    ] = msgspec.field(default_factory=list)


class Observed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a response is looked through besides the answer. All of it was shown to the caller."""

    headers: Annotated[
        list[str],
        Meta(description="Names of response headers; `*` means all but those of transport and cookies."),
    ] = msgspec.field(default_factory=lambda: ["*"])
    body: Annotated[
        bool, Meta(description="Every text in the JSON body, or in events, that is not the answer.")
    ] = True


class Serve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to start the target. `--serve COMMAND` replaces the command."""

    command: Annotated[
        Text | UnsetType,
        Meta(description="Shell command. {port} and {url} are filled in; PORT is set as well."),
    ] = UNSET
    directory: Annotated[Text, Meta(description="Where it is run, seen from this file.")] = "."
    ready: Annotated[
        Slashed | UnsetType,
        Meta(description="Path that answers 200 once the target is ready. Without it: the port accepts "
             "connections."),
    ] = UNSET  # fmt: skip
    seconds: Annotated[float, Meta(gt=0, le=300, description="How long it may take until it is ready.")] = (
        60.0
    )
    environment: Annotated[
        Templates, Meta(description="Environment variables, besides those that lead to the mirror.")
    ] = msgspec.field(default_factory=dict)


class TargetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target behind HTTP."""

    preset: Annotated[
        Text | UnsetType, Meta(description="Name of the preset whose values hold where this file has none.")
    ] = UNSET
    url: Annotated[
        str, Meta(description="Where the target is, such as http://127.0.0.1:8000. {port} stands for a free "
                  "port, if overheard starts the target."),
    ] = ""  # fmt: skip
    variables: Annotated[Templates, Meta(description="Words of your own, for templates: name = value.")] = (
        msgspec.field(default_factory=dict)
    )
    headers: Annotated[Templates, Meta(description="Headers of every request.")] = msgspec.field(
        default_factory=dict
    )
    certificates: Annotated[
        Text | UnsetType,
        Meta(description="File with certificates (PEM) to trust besides the system's, seen from this file."),
    ] = UNSET
    credentials: Annotated[
        Text | UnsetType,
        Meta(description="Template of a caller's credentials, made of {caller} or {resource}, which here is "
             "the caller's own. Requests write them as {credentials}."),
    ] = UNSET  # fmt: skip
    login: Annotated[
        Login | UnsetType, Meta(description="Request that gives a caller its credentials.")
    ] = UNSET  # fmt: skip
    mint: Annotated[
        Mint | UnsetType, Meta(description="Request that makes a thread, where the server chooses its id.")
    ] = UNSET
    send: Annotated[
        Surface | UnsetType, Meta(description="Sends a message and waits for the whole answer.")
    ] = UNSET
    stream: Annotated[
        Surface | UnsetType, Meta(description="Sends a message and is answered in pieces (needs `events`).")
    ] = UNSET
    list_threads: Annotated[
        Beyond | UnsetType, Meta(description="Shows the threads of a resource.")
    ] = UNSET  # fmt: skip
    read_messages: Annotated[Beyond | UnsetType, Meta(description="Shows the messages of a thread.")] = UNSET
    read_message: Annotated[
        Beyond | UnsetType, Meta(description="Shows one message, by its id ({message_id}).")
    ] = UNSET
    search: Annotated[
        Beyond | UnsetType,
        Meta(description="Looks for {query} in what is stored; {filter.thread} and {filter.resource} are "
             "what it is to be narrowed to."),
    ] = UNSET  # fmt: skip
    create_thread: Annotated[
        Beyond | UnsetType,
        Meta(
            description="Creates a thread, called {title}. Without {thread} in it, the server chooses the id."
        ),
    ] = UNSET
    clone_thread: Annotated[
        Beyond | UnsetType,
        Meta(description="Copies a thread into a new one, {new_thread}, of {new_resource}."),
    ] = UNSET
    update_thread: Annotated[
        Beyond | UnsetType,
        Meta(description="Changes a thread: its {title}, or whose it is ({new_resource})."),
    ] = UNSET
    transfer_thread: Annotated[
        Beyond | UnsetType, Meta(description="Gives a thread to {new_resource}.")
    ] = UNSET  # fmt: skip
    delete_message: Annotated[
        Beyond | UnsetType, Meta(description="Deletes one message, by its id ({message_id}).")
    ] = UNSET
    delete_thread: Annotated[Beyond | UnsetType, Meta(description="Deletes a thread.")] = UNSET
    delete_resource: Annotated[
        Beyond | UnsetType, Meta(description="Deletes everything that a resource has.")
    ] = UNSET
    surfaces: Annotated[
        list[BeyondName] | UnsetType,
        Meta(description="Which of the surfaces beyond sending are used, where not all that are described."),
    ] = UNSET
    refused: Annotated[Refusals, Meta(description="Which answers mean no.")] = msgspec.field(
        default_factory=Refusals
    )
    observe: Annotated[Observed, Meta(description="What is looked through besides the answer.")] = (
        msgspec.field(default_factory=Observed)
    )
    contract: Annotated[
        dict[str, Any], Meta(description="What the target promises, as in overheard.toml.")
    ] = msgspec.field(default_factory=dict)
    serve: Annotated[Serve | UnsetType, Meta(description="How to start the target.")] = UNSET
