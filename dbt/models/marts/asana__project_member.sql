select
  gid as membership_id,
  project_id as project_id,
  {{ asana_airbyte.json_text('member', 'gid') }} as member_id,
  {{ asana_airbyte.json_text('member', 'resource_type') }} as member_type,
  {{ asana_airbyte.json_text('member', 'name') }} as member_name,
  access_level,
  synced_at
from {{ ref('stg_asana__project_membership') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }}
