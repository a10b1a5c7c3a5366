with items as (
  {{- asana_airbyte.each_item(ref('stg_asana__custom_field'), 'enum_options', ['gid', 'synced_at']) | indent(2) }}
)

select distinct
  gid || '-' || {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_option_id,
  gid as custom_field_id,
  {{ asana_airbyte.json_text('item', 'gid') }} as option_id,
  {{ asana_airbyte.json_text('item', 'name') }} as option_name,
  {{ asana_airbyte.json_text('item', 'color') }} as color,
  {{ asana_airbyte.as_kind(asana_airbyte.json_text('item', 'enabled'), 'boolean') }} as enabled,
  synced_at
from items
