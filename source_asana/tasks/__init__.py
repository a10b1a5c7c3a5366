"""Tasks, subtasks, stories and attachments: four streams that are read in one go.

    projects, users ──► listings ──► feed of trees ──► children (stories, attachments)
                           │  ▲            ▲
                           │  └─ search    └── walks (subtasks)
                           ▼
                 tasks, subtasks: sent if the ledger does not hold this version

`tree` draws a tree of tasks. `family` is what the four share in a sync. A policy each says what is
asked for: `listings`, `walks`, `children` (with `versions`, the tasks whose children were read).
"""
