select
  gid as tag_gid,
  name,
  color,
  notes,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_gid,
  created_at,
  permalink_url,
  synced_at
from {{ ref('stg_asana_airbyte__tags') }}
