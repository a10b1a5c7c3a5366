select
  gid as section_id,
  name,
  project_id as project_id,
  created_at,
  synced_at
from {{ ref('stg_asana__section') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }}
