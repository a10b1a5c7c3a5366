{{ config(alias='task') }}
select
  task_id as id,
  assignee_id as assignee_id,
  completed_by_id as completed_by_id,
  created_by_id as created_by_id,
  parent_task_id as parent_id,
  workspace_id as workspace_id,
  actual_time_minutes,
  completed,
  completed_at,
  created_at,
  due_at,
  {{ asana_airbyte.as_kind('due_on', 'time') }} as due_on,
  liked,
  modified_at,
  name,
  notes,
  num_likes,
  resource_subtype,
  {{ asana_airbyte.as_kind('start_on', 'time') }} as start_on,
  {%- for name in asana_airbyte.custom_columns(['tasks', 'subtasks']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__task') }}
