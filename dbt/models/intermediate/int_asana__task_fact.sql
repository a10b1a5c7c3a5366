{#- Numbers of each task from its stories, links and time entries. -#}
with placed as (
  select task_id, count(*) as project_count from {{ ref('asana__task_membership') }} group by task_id
),

tagged as (
  select task_id, count(*) as tag_count from {{ ref('asana__task_tag') }} group by task_id
),

followed as (
  select task_id, count(*) as follower_count from {{ ref('asana__task_follower') }} group by task_id
),

waiting as (
  select
    links.task_id,
    sum(case when others.completed then 0 else 1 end) as open_dependency_count
  from {{ ref('int_asana__task_link') }} as links
  inner join {{ ref('stg_asana__task') }} as others on others.task_id = links.linked_id
  where links.link_type = 'dependency'
  group by links.task_id
),

below as (
  select parent_task_id as task_id, sum(case when completed then 0 else 1 end) as open_subtask_count
  from {{ ref('stg_asana__task') }}
  where parent_task_id is not null
  group by parent_task_id
),

tracked as (
  select {{ asana_airbyte.json_text('task', 'gid') }} as task_id, sum(duration_minutes) as tracked_minutes
  from {{ ref('stg_asana__time_tracking_entry') }}
  group by 1
)

select
  tasks.task_id,
  coalesce(told.comment_count, 0) as comment_count,
  told.first_assigned_at,
  told.last_assigned_at,
  coalesce(told.assigned_count, 0) as assigned_count,
  case when told.assigned_count > 1 then told.assigned_count - 1 else 0 end as reassigned_count,
  coalesce(told.due_date_change_count, 0) as due_date_change_count,
  coalesce(told.reopened_count, 0) as reopened_count,
  coalesce(placed.project_count, 0) as project_count,
  coalesce(tagged.tag_count, 0) as tag_count,
  coalesce(followed.follower_count, 0) as follower_count,
  coalesce(waiting.open_dependency_count, 0) as open_dependency_count,
  coalesce(below.open_subtask_count, 0) as open_subtask_count,
  coalesce(tracked.tracked_minutes, 0) as tracked_minutes
from {{ ref('stg_asana__task') }} as tasks
left join {{ ref('int_asana__task_version') }} as told on told.task_id = tasks.task_id
left join placed on placed.task_id = tasks.task_id
left join tagged on tagged.task_id = tasks.task_id
left join followed on followed.task_id = tasks.task_id
left join waiting on waiting.task_id = tasks.task_id
left join below on below.task_id = tasks.task_id
left join tracked on tracked.task_id = tasks.task_id
