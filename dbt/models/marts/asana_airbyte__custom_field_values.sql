select
  gid || '-' || {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_value_key,
  resource_type,
  gid as resource_gid,
  {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_gid,
  {{ asana_airbyte.json_text('item', 'name') }} as custom_field_name,
  coalesce({{ asana_airbyte.json_text('item', 'resource_subtype') }}, {{ asana_airbyte.json_text('item', 'type') }}) as custom_field_type,
  {{ asana_airbyte.json_text('item', 'display_value') }} as display_value,
  {{ asana_airbyte.json_text('item', 'text_value') }} as text_value,
  {{ asana_airbyte.json_number('item', 'number_value') }} as number_value,
  {{ asana_airbyte.json_text('item', 'enum_value.gid') }} as enum_option_gid,
  {{ asana_airbyte.json_text('item', 'enum_value.name') }} as enum_option_name,
  {{ asana_airbyte.as_kind(asana_airbyte.json_text('item', 'date_value.date'), 'date') }} as date_value,
  {{ asana_airbyte.as_time(asana_airbyte.json_text('item', 'date_value.date_time'), 'text') }} as date_time_value,
  synced_at
from {{ ref('stg_asana_airbyte__custom_field_values') }}
