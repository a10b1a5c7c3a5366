{{ config(alias='user') }}
select user_id as id, email, name,
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__user') }}
