select
  gid as membership_gid,
  portfolio_id as portfolio_gid,
  {{ asana_airbyte.json_text('member', 'gid') }} as member_gid,
  {{ asana_airbyte.json_text('member', 'resource_type') }} as member_type,
  {{ asana_airbyte.json_text('member', 'name') }} as member_name,
  access_level,
  synced_at
from {{ ref('stg_asana_airbyte__portfolio_memberships') }}
where {{ asana_airbyte.is_known('portfolio_id', 'stg_asana_airbyte__portfolios', 'gid', ['portfolios']) }}
