"""Reads tasks, subtasks, stories and attachments, four streams, in one go.

    find  listings, search, export ──► feed of tasks, page by page
    walk  tasks with subtasks ───────► feed of tasks
    read  stories, attachments ◄────── feed of tasks, in order of arrival

`feed` is a shell around `core.task_list`. `streams` holds what the four streams share in a sync,
and `finders` find changes without listings. A strategy for each stream says what is asked for, in
`strategies` and `children`. `retriever` makes records of pages.
"""
