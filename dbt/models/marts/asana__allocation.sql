select
  gid as allocation_id,
  project_id,
  {{ asana_airbyte.json_text('assignee', 'gid') }} as assignee_id,
  {{ asana_airbyte.json_text('assignee', 'resource_type') }} as assignee_type,
  {{ asana_airbyte.json_text('assignee', 'name') }} as assignee_name,
  start_date as start_on,
  end_date as end_on,
  {{ asana_airbyte.json_text('effort', 'type') }} as effort_type,
  {{ asana_airbyte.json_number('effort', 'value') }} as effort_value,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  synced_at
from {{ ref('stg_asana__allocation') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }}
