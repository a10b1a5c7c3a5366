{#- Custom fields with their values, unpacked once; what is chosen is still a list. Incremental: with ten fields a
    task these are the most rows. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  pre_hook="{{ asana_airbyte.delete_stale(ref('int_asana__fielded'), 'resource_id') }}"
) }}
with fielded as (
  select *
  from {{ asana_airbyte.missing_rows(ref('int_asana__fielded'), 'resource_id') }} as newest
),

items as (
  {{- asana_airbyte.each_object(
    'fielded',
    'custom_fields',
    ['resource_type', 'resource_id', 'synced_at', 'extracted_at'],
    {
      'custom_field_id': 'gid',
      'custom_field_name': 'name',
      'resource_subtype': 'resource_subtype',
      'field_type': 'type',
      'display_value': 'display_value',
      'text_value': 'text_value',
      'number_value': 'number_value',
      'enum_option_id': 'enum_value.gid',
      'enum_option_name': 'enum_value.name',
      'date_value': 'date_value.date',
      'date_time_value': 'date_value.date_time'
    },
    {'multi_enum_values': 'multi_enum_values', 'people_value': 'people_value', 'reference_value': 'reference_value'}
  ) | indent(2) }}
)

select
  resource_type,
  resource_id,
  custom_field_id,
  custom_field_name,
  coalesce(resource_subtype, field_type) as custom_field_type,
  display_value,
  text_value,
  {{ asana_airbyte.as_kind('number_value', 'number') }} as number_value,
  enum_option_id,
  enum_option_name,
  {{ asana_airbyte.as_kind('date_value', 'date') }} as date_value,
  {{ asana_airbyte.as_time('date_time_value', 'text') }} as date_time_value,
  multi_enum_values,
  people_value,
  reference_value,
  synced_at,
  extracted_at
from items
