"""Reads a workspace by one file of Asana's instead of its listings, where the settings say so.

    finder ──► job ──► file ──► reading ──► records of tasks, subtasks, stories and attachments

`finder` is what the task streams know of it, a `Finder`: it decides where an export is used,
and what follows. `job` has Asana make the file, `file` brings its lines, `reading` makes records.
Stories cost a request a task, so a first read of a million tasks takes eleven hours of the quota.
An export (createResourceExport) is one file with all tasks, their stories and attachments. It takes
Asana minutes to hours, so it is used where much is due: at first reads, in full scans, and for more
changes than a search is good for.
"""
