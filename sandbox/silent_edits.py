"""Edits that leave a task's `modified_at` alone: containers, likes, tags, followers.

Source: the description (schema TaskBase) says so of containers. Likes, tags, followers and
dependencies are missing from its list of what moves the stamp.
"""

from __future__ import annotations

from sandbox.edits import Edits


class SilentEdits(Edits):
    """Calls whose effect does not show in a listing by `modified_since`."""

    def move_task(
        self,
        gid: str,
        *,
        add_project: str | None = None,
        remove_project: str | None = None,
        section: str | None = None,
        moves_stamp: bool = False,
    ) -> None:
        """Put a task into a project or take it out, with its stamp only if `moves_stamp`."""
        with self.lock:
            task = self[gid]
            if add_project and add_project not in task["_projects"]:
                self.enter_project(gid, add_project, section, float(self._next_gid))
                self.record("added", gid, parent=add_project)
            if remove_project and remove_project in task["_projects"]:
                self.record("removed", gid, parent=remove_project)
                self.leave_project(gid, remove_project)
            self.touch(gid)
            if moves_stamp:
                self.move_stamp(gid)

    def leave_project(self, gid: str, project: str) -> None:
        """Take a task out of a project and of its section there."""
        task = self[gid]
        task["_projects"].remove(project)
        section = task["_sections"].pop(project, None)
        self.leave(gid, "project.tasks", project)
        if section:
            self.leave(gid, "section.tasks", section)

    def move_to_section(
        self, gid: str, section: str, *, rank: float | None = None, moves_stamp: bool = False
    ) -> None:
        """Put a task into a section of a project that it is in.

        Raises:
            ValueError: the task is not in the project of that section.
        """
        with self.lock:
            task, project = self[gid], self[section]["project"]
            if project not in task["_projects"]:
                message = f"task {gid} is not in the project of section {section}"
                raise ValueError(message)
            old = task["_sections"].get(project)
            if old is not None:
                self.record("removed", gid, parent=old)
            index = task["_projects"].index(project)
            self.leave_project(gid, project)
            self.enter_project(gid, project, section, self._rank(rank), index=index)
            self.record("added", gid, parent=section)
            self.touch(gid)
            if moves_stamp:
                self.move_stamp(gid)

    def _rank(self, rank: float | None) -> float:
        """Return the given place in an order, or else one behind all others."""
        return float(self._next_gid) if rank is None else rank

    def reorder_task(self, gid: str, project: str, *, rank: float) -> None:
        """Put a task elsewhere in the order of a project; its record does not change.

        A listing that is being walked may then show it twice or not at all.
        """
        with self.lock:
            section = self[gid]["_sections"].get(project)
            index = self[gid]["_projects"].index(project)
            self.leave_project(gid, project)
            self.enter_project(gid, project, section, rank, index=index)

    def set_parent(self, gid: str, parent: str | None, *, moves_stamp: bool = True) -> None:
        """Hang a task below another one, or make a subtask a task of its own."""
        with self.lock:
            task, old = self[gid], self[gid].get("parent")
            if old is not None:
                self.leave(gid, "task.subtasks", old)
                self.record("removed", gid, parent=old)
                self.touch(old)
            task["parent"] = parent
            if parent is not None:
                self.enter(gid, "task.subtasks", parent, self._rank(None))
                self.record("added", gid, parent=parent)
                self.touch(parent)
            self.touch_all()
            if moves_stamp:
                self.move_stamp(gid)

    def like(self, gid: str, user: str | None = None) -> None:
        """Like a task, story, status update or goal; no `modified_at` moves."""
        with self.lock:
            likes = self[gid].get("_likes", [])
            self[gid]["_likes"] = list(dict.fromkeys([*likes, user or self.me]))
            self._tell(gid, "likes", "added", user or self.me)

    def unlike(self, gid: str, user: str | None = None) -> None:
        """Take a like back; no `modified_at` moves."""
        with self.lock:
            self[gid]["_likes"] = [u for u in self[gid].get("_likes", ()) if u != (user or self.me)]
            self._tell(gid, "likes", "removed", user or self.me)

    def tag(self, task: str, tag: str) -> None:
        """Put a tag on a task; its `modified_at` stays."""
        with self.lock:
            tags = self[task].get("tags", [])
            self[task]["tags"] = list(dict.fromkeys([*tags, tag]))
            if tag not in tags:
                self.enter(task, "tag.tasks", tag)
            self._tell(task, "tags", "added", tag)

    def untag(self, task: str, tag: str) -> None:
        """Take a tag off a task; its `modified_at` stays."""
        with self.lock:
            self[task]["tags"] = [other for other in self[task].get("tags", ()) if other != tag]
            self.leave(task, "tag.tasks", tag)
            self._tell(task, "tags", "removed", tag)

    def follow(self, gid: str, user: str) -> None:
        """Add a follower to a task; its `modified_at` stays."""
        with self.lock:
            self[gid]["followers"] = list(dict.fromkeys([*self._followers(gid), user]))
            self._tell(gid, "followers", "added", user)

    def unfollow(self, gid: str, user: str) -> None:
        """Remove a follower from a task; its `modified_at` stays."""
        with self.lock:
            kept = [other for other in self._followers(gid) if other != user]
            self[gid]["followers"] = kept
            self._tell(gid, "followers", "removed", user)

    def _followers(self, gid: str) -> list[str]:
        """Return who follows a task; by default that is the assignee."""
        task = self[gid]
        found: list[str] = task.get("followers") or list(filter(None, [task.get("assignee")]))
        return found

    def add_dependency(self, task: str, on: str) -> None:
        """Let `task` wait for `on`; their `modified_at` stays."""
        self._depend(task, on, add=True)

    def remove_dependency(self, task: str, on: str) -> None:
        """Let `task` no longer wait for `on`; their `modified_at` stays."""
        self._depend(task, on, add=False)

    def _depend(self, task: str, on: str, *, add: bool) -> None:
        with self.lock:
            for gid, name, other in ((task, "dependencies", on), (on, "dependents", task)):
                others = [kept for kept in self[gid].get(name, ()) if kept != other]
                self[gid][name] = [*others, other] if add else others
                self._tell(gid, name, "added" if add else "removed", other)

    def _tell(self, gid: str, name: str, action: str, value: str) -> None:
        """Note that a list of a record gained or lost a gid; Asana may make no event of that."""
        self.touch(gid)
        if self.delivery.silent:
            change = {"field": name, "action": action, f"{action}_value": value}
            self.record("changed", gid, change=change)
