select
  gid as membership_id,
  team_id as team_id,
  {{ asana_airbyte.json_text('member_user', 'gid') }} as user_id,
  {{ asana_airbyte.json_text('member_user', 'name') }} as user_name,
  is_admin,
  is_guest,
  is_limited_access,
  synced_at
from {{ ref('stg_asana__team_membership') }}
where {{ asana_airbyte.is_known('team_id', 'stg_asana__team', 'gid', ['teams']) }}
