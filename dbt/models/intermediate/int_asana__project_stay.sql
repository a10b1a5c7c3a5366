{#- When a task was in a project, and in which of its sections: one list of events for each task and project,
    each of which lasts until the next. What comes before the first event, and what is so now, are events too.
    Incremental by task. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__task_version'), 'task_id', ['task_version']) }}"
) }}
{%- set order = 'order by happened_at, length(story_id), story_id' -%}
with tasks as (
  select newest.task_id, newest.task_version, tasks.created_at
  from {{ asana_airbyte.missing_rows(ref('int_asana__task_version'), 'task_id') }} as newest
  inner join {{ ref('stg_asana__task') }} as tasks on tasks.task_id = newest.task_id
),

memberships as (
  select
    links.task_id,
    links.linked_id as project_id,
    max(links.section_id) as section_id,
    max(case when links.section_id is not null then sections.name end) as section_name
  from {{ ref('int_asana__task_link') }} as links
  inner join tasks on tasks.task_id = links.task_id
  left join {{ ref('stg_asana__section') }} as sections on sections.gid = links.section_id
  where links.link_type in ('membership', 'project')
  group by links.task_id, links.linked_id
),

told as (
  select
    tasks.task_id,
    changes.project_id,
    changes.story_id,
    case
      when changes.field = 'section' then 'moved'
      when changes.new_value is null then 'removed'
      else 'added'
    end as event,
    changes.changed_at as happened_at,
    case when changes.field = 'section' then changes.old_value end as old_section_id,
    changes.old_section_name,
    case when changes.field = 'section' then changes.new_value end as new_section_id,
    changes.new_section_name
  from {{ ref('asana__task_change') }} as changes
  inner join tasks on tasks.task_id = changes.task_id
  where changes.field in ('project', 'section')
),

ordered as (
  select
    told.*,
    row_number() over (partition by task_id, project_id {{ order }}) as event_number,
    lead(event) over (partition by task_id, project_id {{ order }}) as next_event,
    lead(happened_at) over (partition by task_id, project_id {{ order }}) as next_at,
    lead(old_section_id) over (partition by task_id, project_id {{ order }}) as next_section_id,
    lead(old_section_name) over (partition by task_id, project_id {{ order }}) as next_section_name
  from told
),

stays as (
  {#- Before the first event, unless it is the first addition. #}
  select
    ordered.task_id,
    ordered.project_id,
    'start' as began_with,
    ordered.old_section_id as section_id,
    ordered.old_section_name as section_name,
    tasks.created_at as entered_at,
    ordered.happened_at as left_at,
    (1 = 0) as is_last
  from ordered
  inner join tasks on tasks.task_id = ordered.task_id
  where ordered.event_number = 1 and ordered.event <> 'added'
  union all
  {#- After each event; where an addition puts a task, the next move or the present membership tells. #}
  select
    ordered.task_id,
    ordered.project_id,
    ordered.story_id as began_with,
    case
      when ordered.event = 'moved' then ordered.new_section_id
      when ordered.next_event = 'moved' then ordered.next_section_id
      when ordered.next_event is null then memberships.section_id
    end as section_id,
    case
      when ordered.event = 'moved' then ordered.new_section_name
      when ordered.next_event = 'moved' then ordered.next_section_name
      when ordered.next_event is null then memberships.section_name
    end as section_name,
    ordered.happened_at as entered_at,
    ordered.next_at as left_at,
    (ordered.next_event is null) as is_last
  from ordered
  left join memberships
    on memberships.task_id = ordered.task_id and memberships.project_id = ordered.project_id
  where ordered.event <> 'removed'
),

judged as (
  select
    stays.*,
    (
      stays.is_last and memberships.task_id is not null
      and coalesce(stays.section_id, '') = coalesce(memberships.section_id, stays.section_id, '')
    ) as is_current
  from stays
  left join memberships
    on memberships.task_id = stays.task_id and memberships.project_id = stays.project_id
),

{#- What is so now and no event tells: a task without any event is there since it was made; after events nobody
    knows since when. #}
untold as (
  select
    memberships.task_id,
    memberships.project_id,
    'now' as began_with,
    memberships.section_id,
    memberships.section_name,
    case when ordered.task_id is null then tasks.created_at end as entered_at,
    {{ asana_airbyte.as_kind('null', 'time') }} as left_at,
    (1 = 1) as is_current
  from memberships
  inner join tasks on tasks.task_id = memberships.task_id
  left join judged
    on judged.task_id = memberships.task_id and judged.project_id = memberships.project_id and judged.is_current
  left join ordered
    on ordered.task_id = memberships.task_id and ordered.project_id = memberships.project_id
    and ordered.event_number = 1
  where judged.task_id is null
),

all_stays as (
  select task_id, project_id, began_with, section_id, section_name, entered_at, left_at, is_current from judged
  union all
  select task_id, project_id, began_with, section_id, section_name, entered_at, left_at, is_current from untold
)

select all_stays.*, tasks.task_version
from all_stays
inner join tasks on tasks.task_id = all_stays.task_id
