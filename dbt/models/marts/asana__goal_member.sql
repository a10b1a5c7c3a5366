select
  gid as membership_id,
  goal_id,
  {{ asana_airbyte.json_text('member', 'gid') }} as member_id,
  {{ asana_airbyte.json_text('member', 'resource_type') }} as member_type,
  {{ asana_airbyte.json_text('member', 'name') }} as member_name,
  coalesce(role, access_level) as role,
  synced_at
from {{ ref('stg_asana__goal_membership') }}
where {{ asana_airbyte.is_known('goal_id', 'stg_asana__goal', 'gid', ['goals']) }}
