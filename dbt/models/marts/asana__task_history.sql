{#- How tasks were at any time since they were made: one row for each task, project that it was in, and stretch of
    time in which nothing changed. Incremental by task. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__task_version'), 'task_id', ['task_version']) }}"
) }}
{%- set order = 'order by changes.changed_at, length(changes.story_id), changes.story_id' -%}
{#- Field -> the task's present value as text. -#}
{%- set fields = {
  'assignee': 'tasks.assignee_id',
  'due_on': asana_airbyte.as_kind('tasks.due_on', 'text'),
  'completed': "case when tasks.completed then 'true' else 'false' end",
  'name': 'tasks.name'
} -%}
with tasks as (
  select
    newest.task_id,
    newest.task_version,
    tasks.created_at,
    tasks.completed_at,
    {#- What no story tells has happened by then. #}
    coalesce(tasks.modified_at, tasks.synced_at) as seen_at
    {%- for field, value in fields.items() %},
    {{ value }} as {{ field }}
    {%- endfor %}
  from {{ asana_airbyte.missing_rows(ref('int_asana__task_version'), 'task_id') }} as newest
  inner join {{ ref('stg_asana__task') }} as tasks on tasks.task_id = newest.task_id
),

present as (
  {%- for field in fields %}
  select task_id, '{{ field }}' as field, {{ field }} as field_value, created_at, completed_at, seen_at
  from tasks
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),

changes as (
  select
    changes.task_id,
    changes.field,
    changes.old_value,
    changes.new_value,
    changes.changed_at,
    row_number() over (partition by changes.task_id, changes.field {{ order }}) as change_number,
    lead(changes.story_id) over (partition by changes.task_id, changes.field {{ order }}) as next_story_id,
    lead(changes.changed_at) over (partition by changes.task_id, changes.field {{ order }}) as next_at
  from {{ ref('asana__task_change') }} as changes
  inner join tasks on tasks.task_id = changes.task_id
  where changes.field in ({% for field in fields %}'{{ field }}'{{ ', ' if not loop.last }}{% endfor %})
),

firsts as (
  select * from changes where change_number = 1
),

lasts as (
  select * from changes where next_story_id is null
),

told as (
  {#- How it was made: as it was before its first change, or as it is, if it never changed. #}
  select
    present.task_id,
    present.field,
    present.created_at as happened_at,
    0 as event_rank,
    case
      when firsts.task_id is not null then firsts.old_value
      when present.field = 'completed' and present.completed_at > present.created_at then 'false'
      else present.field_value
    end as field_value
  from present
  left join firsts on firsts.task_id = present.task_id and firsts.field = present.field
  union all
  select task_id, field, changed_at as happened_at, 1 as event_rank, new_value as field_value
  from changes
  {#- Of several at the same instant the last one. #}
  where next_story_id is null or next_at <> changed_at
  union all
  {#- What is otherwise than its last story says; of completion the task itself says when. #}
  select
    present.task_id,
    present.field,
    case
      when present.field = 'completed' and present.completed_at >= coalesce(lasts.changed_at, present.created_at)
        then present.completed_at
      when lasts.changed_at > present.seen_at then lasts.changed_at
      else present.seen_at
    end as happened_at,
    2 as event_rank,
    present.field_value
  from present
  left join lasts on lasts.task_id = present.task_id and lasts.field = present.field
  where (lasts.task_id is not null and coalesce(lasts.new_value, '') <> coalesce(present.field_value, ''))
    or (lasts.task_id is null and present.field = 'completed' and present.completed_at > present.created_at)
),

events as (
  select
    told.task_id,
    told.field,
    case when told.happened_at < tasks.created_at then tasks.created_at else told.happened_at end as happened_at,
    told.event_rank,
    told.happened_at as told_at,
    told.field_value
  from told
  inner join tasks on tasks.task_id = told.task_id
),

ranked as (
  select
    events.*,
    row_number() over (
      partition by task_id, field, happened_at order by event_rank desc, told_at desc
    ) as instant_rank
  from events
),

instants as (
  select
    task_id,
    happened_at
    {%- for field in fields %},
    max(case when field = '{{ field }}' then field_value end) as {{ field }},
    max(case when field = '{{ field }}' then 1 else 0 end) as tells_{{ field }}
    {%- endfor %}
  from ranked
  where instant_rank = 1
  group by task_id, happened_at
),

counted as (
  select
    instants.*
    {%- for field in fields %},
    sum(tells_{{ field }}) over (
      partition by task_id order by happened_at rows between unbounded preceding and current row
    ) as {{ field }}_number
    {%- endfor %}
  from instants
),

timeline as (
  select
    task_id,
    happened_at as valid_from,
    coalesce(lead(happened_at) over (partition by task_id order by happened_at), {{ asana_airbyte.far_ahead() }}) as valid_to
    {%- for field in fields %},
    max({{ field }}) over (partition by task_id, {{ field }}_number) as {{ field }}
    {%- endfor %}
  from counted
),

{#- Stays whose ends nobody knows end, or begin, when the task was last seen to change. -#}
known_stays as (
  select
    stays.task_id,
    stays.project_id,
    stays.section_id,
    stays.section_name,
    stays.entered_at,
    stays.left_at,
    stays.is_current,
    tasks.created_at,
    tasks.seen_at,
    max(coalesce(stays.left_at, stays.entered_at)) over (partition by stays.task_id, stays.project_id) as last_at
  from {{ ref('int_asana__project_stay') }} as stays
  inner join tasks on tasks.task_id = stays.task_id
),

bounded as (
  select
    task_id,
    project_id,
    section_id,
    section_name,
    case
      when entered_at is not null and entered_at < created_at then created_at
      when entered_at is not null then entered_at
      when last_at > seen_at then last_at
      else seen_at
    end as valid_from,
    case
      when is_current then {{ asana_airbyte.far_ahead() }}
      when left_at is not null then left_at
      when last_at > seen_at then last_at
      else seen_at
    end as valid_to
  from known_stays
),

stays as (
  select * from bounded where valid_to > valid_from
),

moments as (
  select task_id, valid_from from timeline
  union all
  select task_id, valid_from from stays
  union all
  select task_id, valid_to as valid_from from stays where valid_to < {{ asana_airbyte.far_ahead() }}
),

boundaries as (
  select distinct task_id, valid_from from moments
),

slices as (
  select
    task_id,
    valid_from,
    lead(valid_from) over (partition by task_id order by valid_from) as valid_to
  from boundaries
)

select
  slices.task_id || '-' || coalesce(stays.project_id, case when stays.task_id is null then 'none' else 'unknown' end)
    || '-' || {{ asana_airbyte.as_kind('slices.valid_from', 'text') }} as task_history_id,
  slices.task_id,
  slices.valid_from,
  slices.valid_to,
  (slices.valid_to is null) as is_current,
  stays.project_id,
  stays.section_id,
  stays.section_name,
  timeline.assignee as assignee_id,
  cast(timeline.due_on as date) as due_on,
  (timeline.completed = 'true') as completed,
  timeline.name,
  tasks.task_version
from slices
inner join tasks on tasks.task_id = slices.task_id
inner join timeline
  on timeline.task_id = slices.task_id
  and timeline.valid_from <= slices.valid_from
  and timeline.valid_to > slices.valid_from
left join stays
  on stays.task_id = slices.task_id
  and stays.valid_from <= slices.valid_from
  and stays.valid_to > slices.valid_from
