{#- A view where that will do: it would copy all of stg_asana__task, which is incremental, at each run. -#}
{{ config(materialized=asana_airbyte.view_or_table()) }}
with tasks as (
  select
    stored.*,
    {#- A due instant counts by its day, as a day has no time. #}
    (not stored.completed and stored.due_on < {{ asana_airbyte.today() }}) as late,
    cast(stored.created_at as date) as created_on,
    cast(stored.completed_at as date) as completed_on
  from {{ ref('stg_asana__task') }} as stored
)

select
  tasks.task_id,
  tasks.name,
  tasks.notes,
  tasks.resource_subtype,
  tasks.approval_status,
  tasks.completed,
  tasks.completed_at,
  tasks.completed_by_id,
  tasks.created_at,
  tasks.created_by_id,
  tasks.modified_at,
  tasks.assignee_id,
  tasks.start_on,
  tasks.start_at,
  tasks.due_on,
  tasks.due_at,
  tasks.parent_task_id,
  (tasks.parent_task_id is not null) as is_subtask,
  tasks.workspace_id,
  tasks.liked,
  tasks.num_likes,
  tasks.num_subtasks,
  tasks.actual_time_minutes,
  tasks.permalink_url,
  coalesce(tasks.late, 1 = 0) as is_overdue,
  (not tasks.completed and facts.open_dependency_count > 0) as is_blocked,
  case when not tasks.completed then {{ asana_airbyte.days_between('tasks.created_on', asana_airbyte.today()) }} end as days_open,
  case when tasks.completed then {{ asana_airbyte.days_between('tasks.created_on', 'tasks.completed_on') }} end as days_to_close,
  case when tasks.completed then {{ asana_airbyte.seconds_between('tasks.created_at', 'tasks.completed_at') }} end as seconds_to_close,
  facts.first_assigned_at,
  facts.last_assigned_at,
  facts.reassigned_count,
  facts.due_date_change_count,
  facts.reopened_count,
  facts.comment_count,
  facts.follower_count,
  facts.project_count,
  facts.tag_count,
  facts.open_dependency_count,
  facts.open_subtask_count,
  facts.tracked_minutes,
  {%- for name in asana_airbyte.custom_columns(['tasks', 'subtasks']) %}
  tasks.{{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  tasks.synced_at
from tasks
inner join {{ ref('int_asana__task_fact') }} as facts on facts.task_id = tasks.task_id
