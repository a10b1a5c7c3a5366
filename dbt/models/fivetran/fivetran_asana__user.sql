{{ config(alias='user') }}
select user_gid as id, email, name,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana_airbyte__users') }}
