"""Reads tasks, subtasks, stories and attachments, four streams, in one go.

    projects, users ──► listings ──► feed of trees ──► children (stories, attachments)
                           │  ▲            ▲
                           │  └─ search    └── walks (subtasks)
                           ▼
                 tasks, subtasks: sent if the ledger does not hold this version

`tree` draws a tree of tasks. `family` holds what the four share in a sync. A policy for each says
what is asked for: `listings`, `walks`, and `children` with `versions`, which knows the tasks whose
children were read.
"""
