select
  gid as section_gid,
  name,
  project_id as project_gid,
  created_at,
  synced_at
from {{ ref('stg_asana_airbyte__sections') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana_airbyte__projects', 'gid', ['projects']) }}
