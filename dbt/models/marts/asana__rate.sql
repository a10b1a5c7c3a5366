select
  gid as rate_id,
  project_id,
  {{ asana_airbyte.json_text('target', 'gid') }} as resource_id,
  {{ asana_airbyte.json_text('target', 'resource_type') }} as resource_type,
  {{ asana_airbyte.json_text('target', 'name') }} as resource_name,
  rate,
  currency_code,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  synced_at
from {{ ref('stg_asana__rate') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }}
