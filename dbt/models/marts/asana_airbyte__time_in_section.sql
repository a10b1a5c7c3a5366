{#- Stays of tasks in sections of projects. A move starts one and ends the one before it; before its first
    move a task is in the section that it came from, since it was added to the project; without any move
    it has been in its present section since then. -#}
with stories as (
  select * from {{ ref('asana_airbyte__stories') }}
),

sections as (
  select * from {{ ref('asana_airbyte__sections') }}
),

tasks as (
  select task_gid, created_at from {{ ref('asana_airbyte__tasks') }}
),

memberships as (
  select * from {{ ref('asana_airbyte__task_memberships') }}
),

moves as (
  select
    stories.story_gid,
    stories.task_gid,
    coalesce(new_place.project_gid, old_place.project_gid, stories.project_gid) as project_gid,
    stories.old_section_gid,
    stories.old_section_name,
    stories.new_section_gid,
    stories.new_section_name,
    stories.created_at as moved_at
  from stories
  left join sections as new_place on new_place.section_gid = stories.new_section_gid
  left join sections as old_place on old_place.section_gid = stories.old_section_gid
  where stories.resource_subtype = 'section_changed'
),

arrivals as (
  select task_gid, project_gid, min(created_at) as added_at
  from stories
  where resource_subtype = 'added_to_project' and project_gid is not null
  group by task_gid, project_gid
),

departures as (
  select task_gid, project_gid, max(created_at) as removed_at
  from stories
  where resource_subtype = 'removed_from_project' and project_gid is not null
  group by task_gid, project_gid
),

numbered as (
  select
    moves.*,
    row_number() over (partition by task_gid, project_gid order by moved_at, story_gid) as move_number,
    lead(moved_at) over (partition by task_gid, project_gid order by moved_at, story_gid) as next_moved_at
  from moves
),

stays as (
  select
    story_gid,
    task_gid,
    project_gid,
    new_section_gid as section_gid,
    new_section_name as section_name,
    moved_at as entered_at,
    next_moved_at as next_at
  from numbered
  union all
  select
    null as story_gid,
    numbered.task_gid,
    numbered.project_gid,
    numbered.old_section_gid as section_gid,
    numbered.old_section_name as section_name,
    case
      when arrivals.added_at <= numbered.moved_at then arrivals.added_at
      else tasks.created_at
    end as entered_at,
    numbered.moved_at as next_at
  from numbered
  left join arrivals
    on arrivals.task_gid = numbered.task_gid and arrivals.project_gid = numbered.project_gid
  left join tasks on tasks.task_gid = numbered.task_gid
  where numbered.move_number = 1 and numbered.old_section_gid is not null
  union all
  select
    null as story_gid,
    memberships.task_gid,
    memberships.project_gid,
    memberships.section_gid,
    sections.name as section_name,
    coalesce(arrivals.added_at, tasks.created_at) as entered_at,
    null as next_at
  from memberships
  left join numbered
    on numbered.task_gid = memberships.task_gid
    and numbered.project_gid = memberships.project_gid
    and numbered.move_number = 1
  left join arrivals
    on arrivals.task_gid = memberships.task_gid and arrivals.project_gid = memberships.project_gid
  left join tasks on tasks.task_gid = memberships.task_gid
  left join sections on sections.section_gid = memberships.section_gid
  where numbered.task_gid is null and memberships.section_gid is not null
),

judged as (
  select
    stays.*,
    (
      stays.next_at is null
      and memberships.section_gid is not null
      and memberships.section_gid = stays.section_gid
    ) as is_current,
    case when departures.removed_at >= stays.entered_at then departures.removed_at end as removed_at
  from stays
  left join memberships
    on memberships.task_gid = stays.task_gid and memberships.project_gid = stays.project_gid
  left join departures
    on departures.task_gid = stays.task_gid and departures.project_gid = stays.project_gid
),

ended as (
  select
    judged.*,
    case when is_current then null else coalesce(next_at, removed_at) end as left_at
  from judged
)

select
  task_gid || '-' || section_gid || '-' || coalesce(story_gid, 'first') as time_in_section_key,
  task_gid,
  project_gid,
  section_gid,
  section_name,
  entered_at,
  left_at,
  is_current,
  {{ asana_airbyte.seconds_between('entered_at', 'left_at') }} as seconds
from ended
where section_gid is not null
