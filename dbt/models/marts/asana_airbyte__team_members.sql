select
  gid as membership_gid,
  team_id as team_gid,
  {{ asana_airbyte.json_text('member_user', 'gid') }} as user_gid,
  {{ asana_airbyte.json_text('member_user', 'name') }} as user_name,
  is_admin,
  is_guest,
  is_limited_access,
  synced_at
from {{ ref('stg_asana_airbyte__team_memberships') }}
where {{ asana_airbyte.is_known('team_id', 'stg_asana_airbyte__teams', 'gid', ['teams']) }}
