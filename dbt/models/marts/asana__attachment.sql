select
  gid as attachment_id,
  coalesce({{ asana_airbyte.json_text('parent', 'gid') }}, parent_id) as parent_id,
  {{ asana_airbyte.json_text('parent', 'resource_type') }} as parent_type,
  name,
  resource_subtype,
  host,
  size_bytes,
  connected_to_app,
  created_at,
  permanent_url,
  synced_at
from {{ ref('stg_asana__attachment') }}
where coalesce({{ asana_airbyte.json_text('parent', 'resource_type') }}, '') <> 'task'
  or {{ asana_airbyte.is_known('parent_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
