select
  gid as time_entry_id,
  {{ asana_airbyte.json_text('task', 'gid') }} as task_id,
  {{ asana_airbyte.json_text('member_user', 'gid') }} as user_id,
  {{ asana_airbyte.json_text('member_user', 'name') }} as user_name,
  coalesce({{ asana_airbyte.json_text('project', 'gid') }}, {{ asana_airbyte.json_text('attributable_to', 'gid') }}) as project_id,
  entered_on,
  duration_minutes,
  description,
  billable_status,
  approval_status,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  created_at,
  synced_at
from {{ ref('stg_asana__time_tracking_entry') }}
where {{ asana_airbyte.json_text('task', 'gid') }} is null
  or {{ asana_airbyte.is_known(asana_airbyte.json_text('task', 'gid'), 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
