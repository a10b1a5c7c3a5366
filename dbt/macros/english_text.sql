{#- The text of a system story in English, as Asana writes it for a user of that language.

    Asana words `text` in the language of the token's user, and dbt_asana tells stories by English words.
    A text that already has the words of its subtype stays as it is; so does one of a subtype that has
    no wording here, and every comment. Pairs: subtype -> words that a text must start with, English text. -#}
{% macro english_text() -%}
{%- set person = asana_airbyte.json_text('assignee', 'name') -%}
{%- set project = asana_airbyte.json_text('project', 'name') -%}
{%- set field = asana_airbyte.json_text('custom_field', 'name') -%}
{%- set no_dates -%}
{{ asana_airbyte.json_text('new_dates', 'due_on') }} is null and {{ asana_airbyte.json_text('new_dates', 'due_at') }} is null
{%- endset -%}
{%- set wordings = [
  ("resource_subtype = 'assigned'", "assigned", ["'assigned to '", person]),
  ("resource_subtype = 'unassigned'", "unassigned", ["'unassigned from '", person]),
  ("resource_subtype = 'name_changed'", "changed the name", ["'changed the name to '", "new_name"]),
  ("resource_subtype = 'notes_changed'", "changed the description", ["'changed the description'"]),
  ("resource_subtype = 'due_date_changed' and new_dates is not null and " ~ no_dates,
    "removed the", ["'removed the due date'"]),
  ("resource_subtype = 'due_date_changed'", "changed the",
    ["'changed the due date to '", asana_airbyte.json_text('new_dates', 'due_on')]),
  ("resource_subtype = 'due_today'", "have a task due on", ["'have a task due on '", "cast(created_at as date)"]),
  ("resource_subtype = 'added_to_project'", "added to", ["'added to '", project]),
  ("resource_subtype = 'removed_from_project'", "removed from", ["'removed from '", project]),
  ("resource_subtype = 'section_changed'", "moved",
    ["'moved from '", asana_airbyte.json_text('old_section', 'name'),
     "' to '", asana_airbyte.json_text('new_section', 'name')]),
  ("resource_subtype = 'follower_added'", "added",
    ["'added '", asana_airbyte.json_text('follower', 'name'), "' as a collaborator'"]),
  ("resource_subtype = 'attachment_added'", "attached", ["'attached a file'"]),
  ("resource_subtype = 'marked_complete'", "marked this", ["'marked this task complete'"]),
  ("resource_subtype = 'marked_incomplete'", "marked incomplete", ["'marked incomplete'"]),
  ("resource_subtype = 'marked_duplicate'", "marked this a duplicate of",
    ["'marked this a duplicate of '", asana_airbyte.json_text('duplicate_of', 'name')]),
  ("resource_subtype = 'duplicated'", "duplicated task from",
    ["'duplicated task from '", asana_airbyte.json_text('duplicated_from', 'name')]),
  ("resource_subtype = 'liked'", "liked", ["'liked this task'"]),
  ("resource_subtype = 'comment_liked'", "liked", ["'liked your comment'"]),
  ("resource_subtype = 'attachment_liked'", "liked", ["'liked your attachment'"]),
  ("resource_subtype = 'completion_liked'", "liked", ["'liked that you completed this task'"]),
  ("resource_subtype = 'dependency_marked_complete'", "completed the last task",
    ["'completed the last task you were waiting on'"]),
  ("resource_subtype = 'resource_subtype_changed' and new_resource_subtype = 'milestone'",
    "marked this task as a milestone", ["'marked this task as a milestone'"]),
  ("resource_subtype = 'resource_subtype_changed' and old_resource_subtype = 'milestone'",
    "unmarked this task as a milestone", ["'unmarked this task as a milestone'"]),
  ("resource_subtype like '%custom_field_changed' and new_custom_field_value is null",
    "cleared", ["'cleared '", field]),
  ("resource_subtype like '%custom_field_changed'", "changed", ["'changed '", field, "' to '", "new_custom_field_value"]),
] -%}
case
    when type <> 'system' then text
  {%- for condition, start, parts in wordings %}
    when {{ condition }} then
      case when lower(text) like '{{ start }}%' then text else {{ asana_airbyte.joined(parts) }} end
  {%- endfor %}
    else text
  end
{%- endmacro %}


{#- Parts of a text one after the other; what is null counts as empty. -#}
{% macro joined(parts) -%}
  {%- set present = [] -%}
  {%- for part in parts -%}
    {%- if part.startswith("'") -%}{%- do present.append(part) -%}
    {%- else -%}{%- do present.append('coalesce(' ~ asana_airbyte.as_kind(part, 'text') ~ ", '')") -%}{%- endif -%}
  {%- endfor -%}
  {{ present | join(' || ') }}
{%- endmacro %}
