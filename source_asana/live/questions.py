"""All questions, in the order in which they are asked and reported."""

from __future__ import annotations

from functools import partial

from source_asana.live import access, answers, fields, history, listings, search, steadiness
from source_asana.live.question import Question

QUESTIONS = (
    Question(
        "Does every change move `modified_at` that is said to?",
        "A comment, an assignment, a new name, note, date or value, completion and an attachment "
        "move the stamp of their task; incremental syncs rely on it.",
        "The stories of up to 60 tasks, without their texts, beside the tasks' stamps.",
        history.moving,
    ),
    *(
        Question(
            f"Does {what} move `modified_at`?",
            "No: the stamp stays, and such a change is found by comparing, with the listing pass.",
            "The same stories.",
            partial(history.staying, what),
        )
        for what in history.SILENT
    ),
    Question(
        "What does an unknown name in `opt_fields` do?",
        "It is no error; the record may come with its gid alone.",
        "The workspaces, with a name that Asana does not have.",
        fields.unknown_opt_field,
    ),
    Question(
        "Are all fields accepted that a sync asks for?",
        "Yes, all of a stream's in one request.",
        "Some records of each stream, with all `opt_fields`.",
        fields.refused,
    ),
    Question(
        "Do answers have fields that the schemas lack?",
        "No.",
        "The same records, and one of each stream without `opt_fields`.",
        fields.lacking,
    ),
    Question(
        "Do the schemas have fields that never come?",
        "No, except where a field depends on the kind of record.",
        "The same records; a stream counts with three of them or more.",
        fields.missing,
    ),
    Question(
        "How long may an address be?",
        "8 kB or more; a sync sends less than 6 kB.",
        "The workspaces, with `gid` in `opt_fields` again and again.",
        listings.long_addresses,
    ),
    Question(
        "Is `modified_since` inclusive?",
        "Yes, with a grain of 1 ms.",
        "A project's tasks since the stamp of the middle one.",
        listings.modified_since,
    ),
    Question(
        "Is `created_since` of status updates inclusive?",
        "Yes. Nothing depends on it so far.",
        "The status updates of a project since the stamp of one of them.",
        listings.created_since,
    ),
    Question(
        "Does `created_after` filter stories?",
        "Yes. Nothing depends on it so far.",
        "A task's stories since the second of the newest.",
        listings.created_after,
    ),
    Question(
        "Are subtasks that were added to a project in its listing?",
        "Yes.",
        "The subtasks of up to ten tasks, beside the listings of their projects.",
        listings.subtasks_in_projects,
    ),
    Question(
        "Does the header for Asana's own custom types hide nothing?",
        "It only adds objects.",
        "Projects and tasks with it and without.",
        listings.custom_type_header,
    ),
    Question(
        "Can goals be listed by workspace alone?",
        "Yes.",
        "`/goals?workspace=`.",
        listings.goals_without_team,
    ),
    Question(
        "How many days of time entries may be asked for?",
        "Any number: the first sync asks for all since 1970. The bound is inclusive.",
        "`/time_tracking_entries?workspace=` since 1970, and since the newest day.",
        listings.time_entries_span,
    ),
    Question(
        "Can allocations be listed by workspace alone?",
        "No, so a sync asks for those of each project.",
        "`/allocations?workspace=`.",
        listings.allocations_of_workspace,
    ),
    Question(
        "How large is a page of a search?",
        "Up to 100 tasks.",
        "A search for all tasks with a limit of 100, and of 101.",
        search.page_size,
    ),
    Question(
        "Does a search hide what a listing shows?",
        "No, apart from what changed in the last minutes.",
        "A search in one project beside its listing.",
        search.completeness,
    ),
    Question(
        "What do the bounds of a search mean?",
        "Both are exclusive, with a grain of 1 ms.",
        "A search for one task by its stamp.",
        search.bounds,
    ),
    Question(
        "How late is the index of the search?",
        "Less than 15 minutes, the overlap of searches.",
        "The newest tasks of a search beside those of listings.",
        search.lag,
    ),
    Question(
        "Do two answers that show the same version count as the same?",
        "Yes: the order of lists and the queries of signed addresses, which may differ, do not "
        "count, nor do nulls.",
        "Users, projects, tasks and attachments, four times each.",
        steadiness.steady,
    ),
    Question(
        "Is what does not exist a 404?",
        "Yes; that is how a deletion is confirmed.",
        "A task, a project and a portfolio that nobody has.",
        access.gone,
    ),
    Question(
        "Is what the token may not see a 403?",
        "Yes; a 404 would be taken for a deletion.",
        "Up to twelve objects that tasks name and no listing shows.",
        access.hidden,
    ),
    Question(
        "How long does an offset live?",
        "15 minutes.",
        "The offset of a second page, where it says so itself.",
        answers.offset_life,
    ),
    Question(
        "Does a rate limit say how long to wait?",
        "Yes, in `Retry-After`.",
        "All answers of this run; none was provoked.",
        answers.rate_limit,
    ),
    Question(
        "How exact is `Date`?",
        "Every answer has it, to the second, and all servers agree.",
        "All answers of this run.",
        answers.date_header,
    ),
    Question(
        "Is `Date` behind the stamps in the data?",
        "No.",
        "The newest stamp of the tasks here beside the last `Date`.",
        answers.stamps_and_date,
    ),
)
