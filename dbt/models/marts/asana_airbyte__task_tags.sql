with items as (
  {{- asana_airbyte.each_item(ref('stg_asana_airbyte__tasks'), 'tags', ['gid', 'synced_at']) | indent(2) }}
)

select distinct
  gid || '-' || {{ asana_airbyte.json_text('item', 'gid') }} as task_tag_key,
  gid as task_gid,
  {{ asana_airbyte.json_text('item', 'gid') }} as tag_gid,
  {{ asana_airbyte.json_text('item', 'name') }} as tag_name,
  synced_at
from items
