with items as (
  {{- asana_airbyte.each_item(ref('stg_asana__time_tracking_entry'), 'categories', ['gid', 'synced_at']) | indent(2) }}
)

select distinct
  gid || '-' || {{ asana_airbyte.json_text('item', 'gid') }} as time_entry_category_id,
  gid as time_entry_id,
  {{ asana_airbyte.json_text('item', 'gid') }} as category_id,
  {{ asana_airbyte.json_text('item', 'name') }} as category_name,
  synced_at
from items
where {{ asana_airbyte.json_text('item', 'gid') }} is not null
  and gid in (select time_entry_id from {{ ref('asana__time_entry') }})
