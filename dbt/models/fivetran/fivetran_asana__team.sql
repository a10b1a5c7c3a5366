{{ config(alias='team') }}
select team_gid as id, name, workspace_gid as organization_id,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__teams') }}
