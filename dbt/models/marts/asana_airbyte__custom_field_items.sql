with
{%- for list in ['multi_enum_values', 'people_value', 'reference_value'] %}
{{ list }} as (
  {{- asana_airbyte.each_item(
    ref('asana_airbyte__custom_field_values'), list,
    ['resource_type', 'resource_gid', 'custom_field_gid', 'custom_field_name', 'custom_field_type', 'synced_at']
  ) | indent(2) }}
),
{% endfor %}
items as (
  select * from multi_enum_values
  union all
  select * from people_value
  union all
  select * from reference_value
),

chosen as (
  select
    resource_type,
    resource_gid,
    custom_field_gid,
    custom_field_name,
    custom_field_type,
    {{ asana_airbyte.json_text('item', 'gid') }} as item_gid,
    {{ asana_airbyte.json_text('item', 'name') }} as item_name,
    synced_at
  from items
  union all
  select
    resource_type,
    resource_gid,
    custom_field_gid,
    custom_field_name,
    custom_field_type,
    enum_option_gid as item_gid,
    enum_option_name as item_name,
    synced_at
  from {{ ref('asana_airbyte__custom_field_values') }}
  where enum_option_gid is not null
)

select distinct
  resource_gid || '-' || custom_field_gid || '-' || item_gid as custom_field_item_key,
  chosen.*
from chosen
