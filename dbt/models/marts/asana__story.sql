{#- Incremental: the largest table by far, of which few rows change. Objects are taken apart only in those. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  on_schema_change='sync_all_columns',
  pre_hook=[
    "{{ asana_airbyte.delete_stale(ref('int_asana__story_version'), 'story_id', streams=['stories']) }}",
    "{{ asana_airbyte.delete_orphans(['stories']) }}"
  ]
) }}
{%- set changed_value = "resource_subtype like '%custom_field_changed'" -%}
{% if asana_airbyte.keeps_rows(['stories']) -%}
select *
from {{ this }} as kept
where {{ asana_airbyte.is_known('kept.task_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
{%- else -%}
select
  story_id,
  task_id,
  type,
  resource_subtype,
  text,
  {{ asana_airbyte.english_text() }} as english_text,
  created_at,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  source,
  {{ asana_airbyte.json_text('project', 'gid') }} as project_id,
  {{ asana_airbyte.json_text('project', 'name') }} as project_name,
  {{ asana_airbyte.json_text('old_section', 'gid') }} as old_section_id,
  {{ asana_airbyte.json_text('old_section', 'name') }} as old_section_name,
  {{ asana_airbyte.json_text('new_section', 'gid') }} as new_section_id,
  {{ asana_airbyte.json_text('new_section', 'name') }} as new_section_name,
  {{ asana_airbyte.json_text('assignee', 'gid') }} as assignee_id,
  {{ asana_airbyte.json_text('follower', 'gid') }} as follower_id,
  {{ asana_airbyte.json_text('tag', 'gid') }} as tag_id,
  {{ asana_airbyte.json_text('dependency', 'gid') }} as dependency_id,
  {{ asana_airbyte.json_text('custom_field', 'gid') }} as custom_field_id,
  {{ asana_airbyte.json_text('custom_field', 'name') }} as custom_field_name,
  case when {{ changed_value }} then old_custom_field_value end as old_custom_field_value,
  case when {{ changed_value }} then new_custom_field_value end as new_custom_field_value,
  old_name,
  new_name,
  old_resource_subtype,
  new_resource_subtype,
  old_approval_status,
  new_approval_status,
  {%- for age in ['old', 'new'] %}
  coalesce(
    {{ asana_airbyte.as_kind(asana_airbyte.json_text(age ~ '_dates', 'due_on'), 'date') }},
    cast({{ asana_airbyte.as_time(asana_airbyte.json_text(age ~ '_dates', 'due_at'), 'text') }} as date)
  ) as {{ age }}_due_on,
  {{ asana_airbyte.as_time(asana_airbyte.json_text(age ~ '_dates', 'due_at'), 'text') }} as {{ age }}_due_at,
  {{ asana_airbyte.as_kind(asana_airbyte.json_text(age ~ '_dates', 'start_on'), 'date') }} as {{ age }}_start_on,
  {%- endfor %}
  hearted,
  num_hearts,
  liked,
  num_likes,
  is_edited,
  is_pinned,
  synced_at,
  extracted_at
from (
  {{- asana_airbyte.newest(
    ['stories'],
    asana_airbyte.story_columns(),
    key=['story_id'],
    renamed={'story_id': 'gid'},
    missing_from=this if asana_airbyte.continues() else none
  ) | indent(2) }}
) as stories
where {{ asana_airbyte.is_known('stories.task_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
{%- endif %}
