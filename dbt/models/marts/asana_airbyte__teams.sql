select
  gid as team_gid,
  name,
  description,
  visibility,
  coalesce({{ asana_airbyte.json_text('organization', 'gid') }}, workspace_id) as workspace_gid,
  permalink_url,
  synced_at
from {{ ref('stg_asana_airbyte__teams') }}
