"""An agent whose conversations can also be created, copied, given titles, given away and deleted.

The honest part of every one that forgets to ask whose they are, or does not delete all of it.
"""

from __future__ import annotations

from uuid import uuid4

from overheard.core.outcome import Refused
from overheard.zoo.agent import shortened
from overheard.zoo.hosts import Row
from overheard.zoo.library import Library, threads_in


class Keeper(Library):
    """Lets a resource do to its own threads and messages whatever it likes, and to no others."""

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        self.host.append(
            Row("", resource, thread, "user", message, str(uuid4())),
            Row("", resource, thread, "assistant", shortened(reply), str(uuid4())),
        )

    async def list_threads(self, *, resource: str | None = None) -> list[dict[str, str]]:
        """A resource's threads, each with its title and how it began. Raises Refused without a resource."""
        threads = threads_in(self.host.history(**self.listed(resource)))
        return [{**thread, "title": self.host.title(thread["thread"])} for thread in threads]

    async def read_messages(
        self, *, thread: str | None = None, resource: str | None = None
    ) -> list[dict[str, str]]:
        """The messages of a thread with their ids, oldest first. Raises Refused if it is not one's own."""
        resource, thread = self.opened(resource, thread)
        rows = self.host.history(resource=resource, thread=thread)
        return [{"id": row.id, "role": row.role, "text": row.text} for row in rows]

    async def read_message(
        self, *, message_id: str | None = None, resource: str | None = None
    ) -> dict[str, str]:
        """One message, by its id. Raises Refused if it is not one's own."""
        row = self.readable(self.known(resource), message_id)
        return {"id": row.id, "role": row.role, "text": row.text}

    def readable(self, resource: str, message_id: str | None) -> Row:
        """The message that may be read. Raises Refused."""
        return self.own_message(resource, message_id)

    def own_message(self, resource: str, message_id: str | None) -> Row:
        """A message of one's own. Raises Refused."""
        for row in self.host.history(id=message_id) if message_id else []:
            if row.resource == resource:
                return row
        raise Refused("there is no such message of yours")

    async def create_thread(
        self, *, thread: str | None = None, resource: str | None = None, title: str | None = None
    ) -> str:
        """Begin a thread. Raises Refused if there is one of that id."""
        resource, thread = self.creatable(self.known(resource), thread)
        self.host.assign(thread, resource)
        if title:
            self.host.entitle(thread, title)
        return thread

    def creatable(self, resource: str, thread: str | None) -> tuple[str, str]:
        """Resource and thread of what is begun. Raises Refused."""
        if not thread:
            raise Refused("a thread id is required")
        if self.host.owner(thread) not in (None, resource):
            raise Refused("that id is taken")
        return resource, thread

    async def clone_thread(
        self, *, thread: str | None = None, new_thread: str | None = None, resource: str | None = None
    ) -> str:
        """Copy a thread into a new one of one's own. Raises Refused."""
        resource, thread = self.clonable(resource, thread)
        if not new_thread or self.host.owner(new_thread) is not None:
            raise Refused("that id is taken")
        self.host.claim(new_thread, resource)
        copies = (
            row._replace(resource=resource, thread=new_thread, id=str(uuid4()))
            for row in self.host.history(thread=thread)
        )
        self.host.append(*copies)
        return new_thread

    def clonable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """Who copies what. Raises Refused."""
        return self.opened(resource, thread)

    async def update_thread(
        self, *, thread: str | None = None, title: str | None = None, resource: str | None = None
    ) -> None:
        """Call a thread something. Raises Refused."""
        _, thread = self.updatable(resource, thread)
        self.host.entitle(thread, title or "")

    def updatable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """Who changes what. Raises Refused."""
        return self.opened(resource, thread)

    async def transfer_thread(
        self, *, thread: str | None = None, new_resource: str, resource: str | None = None
    ) -> None:
        """Give a thread away, with all that is in it. Raises Refused."""
        _, thread = self.transferable(resource, thread)
        self.host.assign(thread, new_resource)
        self.host.hand_over(thread, new_resource)

    def transferable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """Who gives what. Raises Refused."""
        return self.opened(resource, thread)

    async def delete_message(self, *, message_id: str | None = None, resource: str | None = None) -> None:
        """Delete one message. Raises Refused."""
        row = self.deletable_message(self.known(resource), message_id)
        self.erase_message(row)

    def deletable_message(self, resource: str, message_id: str | None) -> Row:
        """The message that may be deleted. Raises Refused."""
        return self.own_message(resource, message_id)

    def erase_message(self, row: Row) -> None:
        """Delete a message, and whatever was made of it."""
        self.host.remove(id=row.id)

    async def delete_thread(self, *, thread: str | None = None, resource: str | None = None) -> None:
        """Delete a thread and its messages. Raises Refused."""
        self.erase_thread(*self.deletable(resource, thread))

    def deletable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """Who deletes what. Raises Refused."""
        return self.opened(resource, thread)

    def erase_thread(self, resource: str, thread: str) -> None:  # noqa: ARG002 - others need to know whose
        """Delete a thread, and whatever was made of it."""
        self.host.remove(thread=thread)
        self.host.disown(thread)

    async def delete_resource(self, *, resource: str | None = None) -> None:
        """Delete everything that a resource has. Raises Refused without a resource."""
        self.erase_resource(self.known(resource))

    def erase_resource(self, resource: str) -> None:
        """Delete all threads of a resource."""
        for thread in {row.thread for row in self.host.history(resource=resource)}:
            self.erase_thread(resource, thread)
